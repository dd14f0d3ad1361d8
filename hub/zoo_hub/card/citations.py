"""The papers from which a generator's components come, by the components' names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.generators.config import GeneratorConfig

GOODFELLOW = "Goodfellow et al., *Generative Adversarial Nets*, 2014, arXiv:1406.2661"
ARJOVSKY = "Arjovsky, Chintala, Bottou, *Wasserstein GAN*, 2017, arXiv:1701.07875"
PAPERS = {
    "dcgan": "Radford, Metz, Chintala, *Unsupervised Representation Learning with Deep Convolutional "
    "Generative Adversarial Networks*, 2015, arXiv:1511.06434",
    "bce": GOODFELLOW,
    "wasserstein": ARJOVSKY,
    "weight-clipping": ARJOVSKY,
    "gradient-penalty": "Gulrajani et al., *Improved Training of Wasserstein GANs*, 2017, arXiv:1704.00028",
    "swd": "Karras et al., *Progressive Growing of GANs for Improved Quality, Stability, and "
    "Variation*, 2018, arXiv:1710.10196",
}


def papers(config: GeneratorConfig) -> list[str]:
    """Return the papers behind a generator's components and its metric, each once."""
    training = config.training
    names = [config.architecture.name, *(part.name for part in (*training.losses, *training.regularizers))]
    if training.metric:
        names.append(training.metric)
    return list(dict.fromkeys(PAPERS[name] for name in names if name in PAPERS))
