"""Random values of each type, as PostgreSQL's text format takes them.

Apart from the tests, because hypothesis keeps these lambdas, and with them all that their module imports, until the
interpreter ends.
"""

from datetime import timedelta, timezone

from hypothesis import strategies as st

# What separates, counts and stands for nothing in a canonical row or in a CSV line.
ADVERSARIAL = st.text(alphabet='|:~01,"\\N\n\r\t é😀', max_size=6)
TEXTS = st.one_of(ADVERSARIAL, st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40))
OFFSETS = st.integers(-15 * 60 + 1, 15 * 60 - 1).map(lambda minutes: timezone(timedelta(minutes=minutes)))
NAIVE = st.datetimes().map(lambda moment: moment.isoformat(" "))
# An offset may carry the first or the last day out of what a warehouse holds.
INSTANTS = st.datetimes(timezones=OFFSETS).filter(lambda moment: 1 < moment.year < 9999).map(str)
ENDLESS = st.sampled_from(["infinity", "-infinity"])


def decimals(precision: int, scale: int) -> st.SearchStrategy[str]:
    """Values of numeric(precision, scale), shortest form."""
    limit = 10**precision - 1
    return st.integers(-limit, limit).map(lambda units: f"{units}e-{scale}")


def floats(width: int) -> st.SearchStrategy[str]:
    """Every double, or every real: denormals, zeros, infinities and NaN."""
    return st.floats(width=width).map(repr)  # type: ignore[arg-type]


VALUES: dict[str, st.SearchStrategy[str]] = {
    "smallint": st.integers(-(2**15), 2**15 - 1).map(str),
    "bigint": st.integers(-(2**63), 2**63 - 1).map(str),
    "numeric(12,2)": st.one_of(decimals(12, 2), st.just("NaN")),
    "numeric(38,9)": decimals(38, 9),
    "numeric(38,0)": decimals(38, 0),
    "numeric(2,2)": decimals(2, 2),
    "numeric": st.one_of(decimals(30, 15), st.sampled_from(["NaN", "Infinity", "-Infinity", "0.000"])),
    "real": floats(32),
    "double precision": floats(64),
    "boolean": st.booleans().map(str),
    "date": st.one_of(st.dates().map(str), ENDLESS, st.sampled_from(["5874897-12-31", "10000-01-01", "4713-01-01 BC"])),
    "time": st.one_of(st.times().map(str), st.just("24:00:00")),
    "timestamp": st.one_of(NAIVE, ENDLESS, st.just("294246-12-31 23:59:59.999999")),
    "timestamptz": st.one_of(INSTANTS, ENDLESS, st.just("0044-03-15 12:00:00+00 BC")),
    "bytea": st.binary(max_size=30).map(lambda content: "\\x" + content.hex()),
    "text": TEXTS,
    "char(8)": st.text(alphabet="ab |~é", max_size=8),
    "interval": st.timedeltas(timedelta(-1000), timedelta(1000)).map(lambda span: f"{span.total_seconds():f} s"),
    "jsonb": st.dictionaries(st.text(alphabet='ab"\\|', max_size=3), st.integers(), max_size=3).map(
        lambda found: str(found).replace("'", '"') if '"' not in "".join(found) and "\\" not in "".join(found) else "{}"
    ),
}
