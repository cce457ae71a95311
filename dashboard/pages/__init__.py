"""One file per page of the dashboard, thin, and `frame`, the script that Streamlit runs.

The script lies in this folder on purpose: Streamlit reads a folder `pages` beside a script as its
older kind of multipage app, and would run the script once more inside a navigation of its own.
"""
