"""The models beside the data: sweeps over their parameters, maps, figures, and documents."""
