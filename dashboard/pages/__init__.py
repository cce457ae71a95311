"""One file per page of the dashboard, thin, and `frame`, the script that Streamlit runs.

The script lies in this folder on purpose: a folder `pages` beside it would be taken for the pages
of an older way of Streamlit, which then runs the script once more inside a navigation of its own.
"""
