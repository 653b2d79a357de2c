"""The page that people look at: values in, one HTML document out.

`gathered` and `incidents` make the values from what the other modules know, `page`
makes the document from the values alone. Everything in them is untrusted text.
"""
