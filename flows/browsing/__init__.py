"""The page of `rolecall browse`: its server on this machine, who may ask it, and the corrections made there."""
