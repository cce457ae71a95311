"""The Streamlit dashboard: `streamlit run` starts `app.py`; `pages/frame.py` frames each page."""
