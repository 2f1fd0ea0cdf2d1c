import torch
from hypothesis import settings

# A busy machine is no reason to fail, nor to wait: threads that wait for each other are slower than one.
settings.register_profile("rolecall", deadline=None, max_examples=60)
settings.load_profile("rolecall")
torch.set_num_threads(1)
