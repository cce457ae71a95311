"""The Streamlit dashboard: `app.py` is what `streamlit run` starts, `shell.py` its pages' frame."""
