"""The run shim: parent of one run's trainer, outliving the core. Standard library only."""
