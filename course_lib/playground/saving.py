"""Saving a look: the picture, its recipe, and all that the recipe needs, in a folder of its own."""

import os
import secrets
import shutil
from pathlib import Path

from course_lib import CourseError
from course_lib.images import save_image
from course_lib.painting.recipe import Recipe, render
from course_lib.playground.picture_store import PictureStore
from course_lib.playground.settings import STYLE_SIZE, Look
from course_lib.playground.uploads import free_name, safe_name

PICTURE, RECIPE = "picture.png", "recipe.json"


class SavingError(CourseError):
    """A look could not be saved; the message is one sentence for the user."""


def save_look(store: PictureStore, look: Look, name: str, out: Path) -> Path:
    """Write a look into a new folder of ``out`` and return that folder.

    It holds ``picture.png``, ``recipe.json`` and copies of the photograph, the styles and the
    mask, so that it can be moved or handed in as it is. The picture is rendered from the recipe,
    as ``python -m course_lib stylize --recipe`` does. The folder appears complete or not at all,
    and one that is there is never changed: ``name_2``, ``name_3`` ... follow.

    Raises:
        SavingError: ``out`` cannot be written.
        ImageError: a picture of the look is missing.
    """
    out = Path(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SavingError(f"{out} cannot be made: {error.strerror}") from None
    temporary = out / f".saving.{secrets.token_hex(4)}"
    try:
        temporary.mkdir()
        recipe = write_recipe(store, look, temporary)
        save_image(render(store.transfer, recipe, temporary), temporary / PICTURE)
        folder = out / free_name(safe_name(name), {path.name for path in out.iterdir()})
        os.rename(temporary, folder)
    except OSError as error:
        raise SavingError(f"{out} cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def write_recipe(store: PictureStore, look: Look, folder: Path) -> Recipe:
    """Copy a look's pictures into ``folder`` and write the recipe that names them."""
    content = _copy(store.file("photograph", look.content), folder, "photograph")
    styles = tuple(
        _copy(store.file("style", name), folder, f"style_{number}_{name}")
        for number, name in enumerate(look.used_styles, 1)
    )
    masks: tuple[str, ...] = ()
    if isinstance(look.mask, str):
        masks = (_copy(store.file("mask", look.mask), folder, "mask"),)
    elif look.mask is not None:
        height, width = store.photograph(look).shape[-2:]
        look.mask.draw(height, width).save(folder / "mask.png")
        masks = ("mask.png",)
    recipe = Recipe(content, styles, masks, look.size, STYLE_SIZE, **look.used_settings())
    recipe.save(folder / RECIPE)
    return recipe


def _copy(path: Path, folder: Path, stem: str) -> str:
    name = f"{safe_name(stem)}{path.suffix.lower()}"
    shutil.copyfile(path, folder / name)
    return name
