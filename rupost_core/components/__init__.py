"""One adapter a component: its unit, its own checker, how it takes up a new configuration, how it is probed."""
