"""How models are made and measured: corpus, network, training, evaluation, cards.

TensorFlow is imported here and nowhere else, and nothing that plays imports this package. It
imports `prediction` and whatever that may import.
"""
