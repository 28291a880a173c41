"""What the shop sells: departments, and the words that product names are made of."""

from typing import NamedTuple


class Department(NamedTuple):
    """One subcategory. `price` is its median list price in cents, `weight_kg` a typical weight, None for downloads."""

    category: str
    subcategory: str
    share: float
    price: int
    weight_kg: float | None
    nouns: tuple[str, ...]


DEPARTMENTS = (
    Department("Electronics", "Audio", 5, 7900, 0.40, ("Headphones", "Speaker", "Earbuds", "Soundbar", "Turntable")),
    Department("Electronics", "Computing", 4, 18900, 1.20, ("Keyboard", "Monitor", "Mouse", "Docking Station", "SSD")),
    Department("Electronics", "Photo", 2, 24900, 0.80, ("Camera", "Lens", "Tripod", "Flash")),
    Department("Home", "Kitchen", 8, 2900, 1.10, ("Pan", "Knife", "Teapot", "Mixer", "Salad Bowl", "Café Press")),
    Department("Home", "Furniture", 4, 14900, 14.0, ("Chair", "Desk", "Shelf", "Stool", "Side Table")),
    Department("Home", "Textiles", 6, 2400, 0.60, ("Blanket", "Pillow", "Towel", "Curtain", "Duvet")),
    Department("Fashion", "Women", 10, 4500, 0.40, ("Dress", "Blouse", "Coat", "Skirt", "Jeans")),
    Department("Fashion", "Men", 8, 4300, 0.45, ("Shirt", "Jacket", "Trousers", "Sweater", "Polo")),
    Department("Fashion", "Shoes", 7, 6900, 0.90, ("Sneakers", "Boots", "Sandals", "Loafers")),
    Department("Sports", "Outdoor", 5, 5900, 1.50, ("Tent", "Backpack", "Sleeping Bag", "Lantern")),
    Department("Sports", "Fitness", 5, 2700, 2.50, ("Dumbbell", "Yoga Mat", "Kettlebell", "Resistance Band")),
    Department("Beauty", "Care", 9, 1400, 0.20, ("Crème", "Shampoo", "Serum", "Soap", "Hand Balm")),
    Department("Toys", "Games", 7, 2200, 0.70, ("Puzzle", "Board Game", "Building Set", "Card Game")),
    Department("Groceries", "Pantry", 12, 690, 0.50, ("Coffee", "Olive Oil", "Müsli", "Honey", "Chocolate", "Tea")),
    Department("Books", "Print", 6, 1600, 0.45, ("Novel", "Cookbook", "Atlas", "Travel Guide", "Notebook")),
    Department("Digital", "Downloads", 2, 1200, None, ("E-Book", "Audiobook", "Online Course", "Gift Card")),
)

ADJECTIVES = (
    "Classic", "Nordic", "Compact", "Premium", "Eco", "Bold", "Soft", "Vintage", "Essential", "Urban", "Alpine",
    "Handmade", "Lightweight", "Deluxe", "Everyday", "Ultra", "Cosy", "Slim", "Grand", 'Limited "Édition"',
)  # fmt: skip
VARIANTS = (
    "Black", "White", "Sand", "Forest Green", "Navy", "Coral", "Graphite", "Olive", "Plum", "Sky", "Natural", "Rosé",
    "No. 1", "No. 2", "Mk II", "Mini", "XL", "Set of 2", "Set of 4", "Refill",
)  # fmt: skip
