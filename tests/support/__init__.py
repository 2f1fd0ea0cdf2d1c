"""What the tests share: audio that is made for them, files of odd kinds, commands, servers, a browser."""
