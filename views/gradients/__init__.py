"""The page of finite differences."""
