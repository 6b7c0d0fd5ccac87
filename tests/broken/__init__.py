"""Broken configurations, and valid ones, made by rule and by a seed.

Nothing here touches a node. The modules are also run on one, by the product's own interpreter, so they need nothing
but the product.
"""
