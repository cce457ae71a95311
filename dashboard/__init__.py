"""The Streamlit dashboard: `app.py` is the page that `streamlit run` starts."""
