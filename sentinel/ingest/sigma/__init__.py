"""Rules of Sigma (https://sigmahq.io) as event policies: a backend for pySigma. Pure."""
