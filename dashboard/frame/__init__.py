"""The frame around every page, and the script that Streamlit runs."""
