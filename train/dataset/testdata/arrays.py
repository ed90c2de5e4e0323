"""Writes the .npy and .npz files of this folder: pip install numpy && python arrays.py"""

import numpy as np


def ramp(*shape):
    """Values of which no two neighbours are alike: 251·i mod 256, with i the place in C order."""
    return (251 * np.arange(np.prod(shape)) % 256).astype("uint8").reshape(shape)


grey, rgb, planes = ramp(3, 4, 5), ramp(2, 4, 5, 3), ramp(2, 3, 4, 5)
np.save("grey-uint8.npy", grey)
np.save("grey-uint8-fortran.npy", np.asfortranarray(grey))
np.save("grey-float32.npy", (grey / 255).astype("<f4"))
np.save("grey-float32-big.npy", (grey / 255).astype(">f4"))
np.save("grey-float64-fortran.npy", np.asfortranarray(grey / 255))
np.save("grey-one-channel.npy", grey[..., None])
np.save("rgb-last.npy", rgb)
np.save("rgb-last-fortran.npy", np.asfortranarray(rgb))
np.save("rgb-first.npy", planes)
np.save("rgb-first-float64-big.npy", (planes / 255).astype(">f8"))
with open("grey-version-2.npy", "wb") as file:
    np.lib.format.write_array(file, grey, version=(2, 0))

test = ramp(2, 4, 5)
np.savez("keras.npz", x_train=grey, y_train=np.array([7, 0, 255]), x_test=test, y_test=np.array([1, 2], "uint8"))
np.savez_compressed("medmnist.npz", train_images=grey, val_images=test, test_images=test,
                    train_labels=np.array([[7], [0], [255]], "uint8"), val_labels=np.array([[1], [2]], "uint8"),
                    test_labels=np.array([[1], [2]], ">i4"))
np.savez_compressed("alone.npz", pictures=grey / 255)
np.savez("positional.npz", grey, np.array([7, 0, 255], "int16"))
