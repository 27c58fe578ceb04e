"""PyQt5 and pyqtgraph. Only this layer imports Qt."""
