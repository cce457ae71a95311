"""Mappings: YAML documents that say how the webhook of a vendor becomes alerts or events.

The shipped ones are beside this file; a folder of one's own adds further ones. What may be written
in them is in docs/how-to/map-a-webhook.md, and why in docs/adr/0038.
"""
