"""What ``benchmark runtime`` measures; its command has these as options."""

from dataclasses import dataclass

from course_lib import CourseError
from course_lib.system.fields import check_fields, option

PAIRS = (
    ("cat", "van_gogh_street_in_auvers"),
    ("city", "kandinsky_composition_viii"),
    ("raccoon", "hokusai_great_wave"),
    ("astronaut", "renoir_moulin_de_la_galette"),
    ("rocket", "hiroshige_shrine_in_snow"),
    ("coffee", "stained_glass"),
    ("hopper", "fauve_hills"),
    ("cameraman", "pen_engraving"),
)
SMALLEST, LARGEST = 16, 4096


@dataclass(frozen=True)
class RuntimeConfig:
    """What ``benchmark_runtime`` measures; sizes are sides of squares in pixels.

    Raises:
        CourseError: a number that cannot be used.
    """

    images: int = option(5, "pictures", at_least=1, at_most=len(PAIRS))
    size: int = option(512, "side of the square pictures")
    evaluations: int = option(
        80,
        "of the first picture's optimisation, the rest is extrapolated; 1000 runs the whole recipe "
        "for every picture",
        at_least=2,
    )
    sizes: tuple[int, ...] = option((128, 256, 512, 1024), "sides for the scaling with size")
    quality_size: int = option(256, "side for quality at equal time")
    quality_evaluations: int = option(100, "of each optimisation there", at_least=2)
    repeats: int = option(3, "rounds that count", at_least=1)
    device: str = "cpu"
    precision: str = "auto"

    def __post_init__(self) -> None:
        check_fields(self, CourseError)
        if not self.sizes:
            raise CourseError("sizes must be at least one number of pixels")
        for size in (self.size, self.quality_size, *self.sizes):
            if size % 8 or not SMALLEST <= size <= LARGEST:
                raise CourseError(
                    f"sizes must be multiples of 8 from {SMALLEST} to {LARGEST} pixels, got {size}"
                )
