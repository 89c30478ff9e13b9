"""Every dialect against every other: what both can say arrives, and what one cannot is named."""
