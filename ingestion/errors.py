"""The shop's one error class. It has the two fields of the pipeline's errors, which this package does not import."""


class ShopError(Exception):
    """Something the shop cannot do. `message` names the thing, `remedy` says what to do about it."""

    exit_code = 2

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  remedy: {self.remedy}" if self.remedy else self.message
