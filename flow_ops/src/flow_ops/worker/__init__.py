"""Workers as services: of systemd on Linux, of nssm on Windows."""
