"""Train the decoder: the loss of Huang & Belongie 2017, logged, interruptible and resumable.

``loop.train(TrainingConfig(...))`` and ``python -m course_lib train`` are the same thing. To read
it in one sitting: ``objective`` (what a step minimises), ``trainer`` (the state of a run and one
step), ``loop`` (the run: log, checkpoints, Ctrl-C), ``config`` (settings and presets), ``datasets``
(folders of images in memory), ``processes`` (several GPUs).
"""
