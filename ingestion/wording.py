"""What customers write. It holds every character that has ever broken a CSV file."""

TITLES = (
    "Great value", "Would buy again", "Not what I expected", "OK", "5 stars!", "Très bon produit", "Sehr zufrieden",
    "Fast delivery, thanks", 'The "best" one yet', "Πολύ καλό", "とても良い", "Nunca más", "👍", "Zażółć gęślą jaźń",
    "\\N", "NULL", "Price / quality; fine", "a|b",
)  # fmt: skip
OPENINGS = (
    "Arrived on time and well packed.", "I ordered two, one for a friend.", "Exactly as described, nothing to add.",
    'It says "premium" on the box; it is not.', "Läuft seit Wochen ohne Probleme.", "La qualité est au rendez-vous.",
    "Broke after three days 😡", "Second one I buy \u2013 the first is still going strong.", "¡Me encanta! ❤️",
    "Size runs small: take one up.", "Δεν είμαι σίγουρος ακόμα.", "安くて便利です。", "\tIndented, for some reason.",
    "Smaller than the photo, but fine,", "0",
)  # fmt: skip
ENDINGS = (
    "Recommended.", "The color, however, is off.", "Support answered within a day; refund came, too.",
    "Gerne wieder!", "Would not buy again.", "Price: 19,99 € \u2013 fair.", 'My son calls it "the thing".',
    "10/10 👌🏽", "true", "Bien, sans plus.", "Carriage return\r\nincluded.", "C:\\temp\\manual.pdf was missing.",
    "50% off; still too much.", "Ok ok ok", "\\N", "Fits well, looks good, smells odd.", "It's fine… just fine.",
)  # fmt: skip
JOINTS = (" ", "\n", "\n\n")
