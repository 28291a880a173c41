"""Customers: who signs up on a day, and who moves."""

import functools

import numpy as np

from ingestion.config import IngestionConfig
from ingestion.members import Members, arrivals, zipf
from ingestion.pools import COUNTRIES, NAMES, SURNAMES, Pools, build_pools, draw_addresses, positions
from ingestion.rows import DAY, Integers, Rows, Texts, blank, texts
from ingestion.seasons import Calendar
from ingestion.streams import ONLINE_HOURS, chance, choose, stream, times_of_day

GENDERS = texts(["female", "male", "diverse"])
SEGMENTS = texts(["consumer", "business", "vip"])
SIGNUP_CHANNELS = texts(["web", "app", "store", "marketplace"])
COUNTRY_CODES = texts([country.code for country in COUNTRIES])
YEARS_BEFORE_HISTORY = 5.0
FOUNDING = 0


class Customers:
    """The shop's customers up to the calendar's last day. Ids count sign-ups: 1, 2, …"""

    def __init__(self, config: IngestionConfig, calendar: Calendar, established: int) -> None:
        self._seed = config.seed
        self._shares = config.shares
        self._calendar = calendar
        instants = arrivals(stream(self._seed, "sign-ups"), calendar, "customer", established, YEARS_BEFORE_HISTORY)
        ranking = stream(self._seed, "loyalty").permutation(established)
        loyalty = zipf(established, exponent=1.0, head=200.0)
        self.members = Members(instants, established, ranking, loyalty, config.shares.newcomer_visits)
        self._countries = choose(stream(self._seed, "countries"), [c.weight for c in COUNTRIES], len(instants))

    @functools.cached_property
    def _pools(self) -> Pools:
        return build_pools(self._seed)

    def founding(self) -> Rows:
        """Everybody who had signed up by the end of the first day, as they signed up."""
        return self._rows(0, self.members.arrived_by(self._calendar.first_day), FOUNDING)

    def arriving(self, day: int) -> Rows:
        """Who signs up on a day after the first."""
        return self._rows(self.members.arrived_by(day - 1), self.members.arrived_by(day), day)

    def moving(self, day: int) -> Rows:
        """Who moves on a day, and where to: key, new address, updated_at."""
        rng = stream(self._seed, "moves", day)
        ids = self.members.sample(rng, day, self._shares.daily_moves)
        address = draw_addresses(self._pools, rng, self._countries[ids - 1])
        return {"customer_id": ids, **address, "updated_at": day * DAY + times_of_day(rng, ONLINE_HOURS, len(ids))}

    def _rows(self, start: int, stop: int, chunk: int) -> Rows:
        rng = stream(self._seed, "customers", chunk)
        ids, instants, countries = (
            np.arange(start, stop) + 1,
            self.members.instants[start:stop],
            self._countries[start:stop],
        )
        size = stop - start
        return {
            "customer_id": ids,
            **self._person(rng, ids, countries),
            "birth_date": self._birth_dates(rng, instants),
            "segment": SEGMENTS[choose(rng, (0.86, 0.11, 0.03), size)],
            "signup_channel": SIGNUP_CHANNELS[choose(rng, (0.55, 0.25, 0.12, 0.08), size)],
            **draw_addresses(self._pools, rng, countries),
            "country_code": COUNTRY_CODES[countries],
            "marketing_opt_in": chance(rng, 0.45, size),
            "created_at": instants,
            "updated_at": instants,
        }

    def _person(self, rng: np.random.Generator, ids: Integers, countries: Integers) -> Rows:
        pools, size = self._pools, len(ids)
        gender = choose(rng, (0.495, 0.485, 0.02), size)
        name = positions(rng, countries, NAMES)
        surname = positions(rng, countries, SURNAMES)
        is_female = (gender == 0) | ((gender == 2) & chance(rng, 0.5, size))
        mailbox = np.where(is_female, pools.female_mailboxes[name], pools.male_mailboxes[name])
        return {
            "first_name": np.where(is_female, pools.female_names[name], pools.male_names[name]),
            "last_name": pools.surnames[surname],
            "email": _emails(mailbox, pools.surname_mailboxes[surname], ids),
            "phone": blank(_phones(rng, countries), chance(rng, 0.2, size)),
            "gender": blank(GENDERS[gender], chance(rng, 0.08, size)),
        }

    @staticmethod
    def _birth_dates(rng: np.random.Generator, instants: Integers) -> np.ma.MaskedArray[tuple[int], np.dtype[np.int64]]:
        age_in_days = (rng.triangular(18, 36, 85, len(instants)) * 365.25).astype(np.int64)
        return np.ma.masked_array(instants // DAY - age_in_days, mask=chance(rng, 0.12, len(instants)))


def _emails(names: Texts, surnames: Texts, ids: Integers) -> Texts:
    return texts([f"{n}.{s}.{i}@example.com" for n, s, i in zip(names, surnames, ids.tolist(), strict=True)])


def _phones(rng: np.random.Generator, countries: Integers) -> Texts:
    dialing = texts([country.dialing_code for country in COUNTRIES])[countries]
    numbers = rng.integers(10**8, 10**9, len(countries)).tolist()
    return texts([f"+{code} {number}" for code, number in zip(dialing, numbers, strict=True)])
