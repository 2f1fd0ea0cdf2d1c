"""What belongs to a person, not to one workspace: logins and request quotas."""
