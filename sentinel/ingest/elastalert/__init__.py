"""Rule files of ElastAlert (https://elastalert2.readthedocs.io) as event policies. Pure."""
