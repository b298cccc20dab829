"""Downloaded bars on disk: Parquet files that no crash and no second writer can spoil. See `store.BarStore`."""
