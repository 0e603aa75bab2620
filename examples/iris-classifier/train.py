"""Train a small neural network on the Iris data and export it for serving.

    python train.py [--output model/1]

It needs TensorFlow and takes a few seconds. Every fifth row of ``iris.csv`` (10 of each species) is held out and only
used to measure the accuracy, which is printed. The same seed gives the same model on the same machine.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent
FEATURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
SPECIES = ["setosa", "versicolor", "virginica"]
SEED = 13


def read_data(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """The measurements in cm, shape (rows, 4), and the number of each row's species, shape (rows,)."""
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    measurements = np.array([[float(row[name]) for name in FEATURES] for row in rows], np.float32)
    return measurements, np.array([SPECIES.index(row["species"]) for row in rows], np.int64)


def train(measurements: np.ndarray, species: np.ndarray) -> tf.keras.Model:
    """Fit a network with two hidden layers, which gives one logit per species."""
    tf.keras.utils.set_random_seed(SEED)
    scale = tf.keras.layers.Normalization()
    scale.adapt(measurements)
    hidden = [tf.keras.layers.Dense(10, activation="relu") for _ in range(2)]
    model = tf.keras.Sequential([scale, *hidden, tf.keras.layers.Dense(len(SPECIES))])
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(tf.keras.optimizers.Adam(0.02), loss)
    model.fit(measurements, species, batch_size=16, epochs=30, verbose=0)
    return model


def export(model: tf.keras.Model, output: Path) -> None:
    """Write the model with the signature that an Estimator's classifier has for ``predict``."""

    def predict(sepal_length, sepal_width, petal_length, petal_width):
        # One flower per element of the inputs, each of shape (-1,); plain numbers are one flower.
        columns = [tf.reshape(column, [-1, 1]) for column in (sepal_length, sepal_width, petal_length, petal_width)]
        logits = model(tf.concat(columns, axis=1))
        class_ids = tf.argmax(logits, axis=1)[:, tf.newaxis]
        return {
            "logits": logits,  # (-1, 3)
            "probabilities": tf.nn.softmax(logits),  # (-1, 3)
            "class_ids": class_ids,  # int64, (-1, 1)
            "classes": tf.gather(tf.constant(SPECIES), class_ids),  # (-1, 1)
        }

    archive = tf.keras.export.ExportArchive()
    archive.track(model)
    inputs = [tf.TensorSpec([None], tf.float32, name) for name in FEATURES]
    archive.add_endpoint("predict", predict, inputs)
    archive.add_endpoint("serving_default", predict, inputs)
    archive.write_out(str(output), verbose=False)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train and export the Iris classifier.")
    parser.add_argument("--output", type=Path, default=HERE / "model" / "1", help="the export folder to write")
    output = parser.parse_args().output

    measurements, species = read_data(HERE / "iris.csv")
    held_out = np.arange(len(species)) % 5 == 0
    model = train(measurements[~held_out], species[~held_out])

    predicted = model(measurements[held_out]).numpy().argmax(axis=1)
    print(f"accuracy on {held_out.sum()} held-out flowers: {np.mean(predicted == species[held_out]):.3f}")

    export(model, output)
    print(f"exported to {output}")


if __name__ == "__main__":
    main()
