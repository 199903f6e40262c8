"""What people do with a trained network.

``painter`` goes from a photograph, styles and settings to a picture; ``colour``, ``masks`` and
``mixtures`` are its creative controls, ``recipe`` names them all in a small file, ``tiling`` keeps
pictures of any size in little memory. ``batch`` works on files and folders, ``frames`` and
``sequences`` on moving pictures, ``onnx_export`` writes the network for other programs.
"""
