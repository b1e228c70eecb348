"""The demo shop's ladder and shelf."""

from typing import Any

TIERS: list[dict[str, Any]] = [
    {
        "slug": "bronze", "name": "Bronze", "threshold": 0, "position": 1,
        "benefits": [
            {"kind": "points_multiplier", "label": "1 point for every euro", "value": 1},
            {"kind": "birthday", "label": "A treat on your birthday"},
        ],
    },
    {
        "slug": "silver", "name": "Silver", "threshold": 1000, "position": 2,
        "benefits": [
            {"kind": "points_multiplier", "label": "1.25 points for every euro", "value": 1.25},
            {"kind": "free_shipping", "label": "Free shipping from 30 euros", "value": 30},
            {"kind": "birthday", "label": "A bigger treat on your birthday"},
        ],
    },
    {
        "slug": "gold", "name": "Gold", "threshold": 2500, "position": 3,
        "benefits": [
            {"kind": "points_multiplier", "label": "1.5 points for every euro", "value": 1.5},
            {"kind": "free_shipping", "label": "Free shipping on every order"},
            {"kind": "early_access", "label": "Sales open a day earlier for you"},
        ],
    },
    {
        "slug": "platinum", "name": "Platinum", "threshold": 5000, "position": 4,
        "benefits": [
            {"kind": "points_multiplier", "label": "2 points for every euro", "value": 2},
            {"kind": "free_returns", "label": "Free returns for 60 days", "value": 60},
            {"kind": "event", "label": "Two seats at the yearly tasting"},
            {"kind": "support", "label": "A person of your own to call"},
        ],
    },
]  # fmt: skip

REWARDS: list[dict[str, Any]] = [
    {
        "slug": "espresso-shot", "name": "Espresso on the house", "points_cost": 80, "icon": "coffee",
        "description": "One espresso, any bean, at the bar or to go.",
    },
    {
        "slug": "five-off", "name": "5 euros off", "points_cost": 250, "icon": "ticket",
        "description": "Taken off your next order from 20 euros.",
    },
    {
        "slug": "free-delivery", "name": "Free delivery", "points_cost": 150, "icon": "truck-delivery",
        "description": "Your next parcel travels for free.",
    },
    {
        "slug": "tote-bag", "name": "Canvas tote", "points_cost": 400, "icon": "shopping-bag", "inventory": 60,
        "per_member_limit": 2, "description": "Heavy cotton, carries eleven bags of beans.",
    },
    {
        "slug": "house-blend", "name": "Bag of house blend", "points_cost": 500, "icon": "package",
        "description": "250 grams, roasted the same week.",
    },
    {
        "slug": "stoneware-mug", "name": "Stoneware mug", "points_cost": 750, "icon": "mug", "inventory": 40,
        "per_member_limit": 4, "description": "Thrown by hand, glazed in the colour of crema.",
    },
    {
        "slug": "tasting-for-two", "name": "Tasting for two", "points_cost": 1200, "icon": "users",
        "min_tier": "silver", "inventory": 24, "per_member_limit": 1,
        "description": "An evening with our roaster and six coffees.",
    },
    {
        "slug": "hand-grinder", "name": "Hand grinder", "points_cost": 2600, "icon": "settings", "min_tier": "gold",
        "inventory": 10, "per_member_limit": 1, "description": "Steel burrs, walnut handle, for life.",
    },
    {
        "slug": "roastery-day", "name": "A day at the roastery", "points_cost": 4000, "icon": "flame",
        "min_tier": "platinum", "inventory": 4, "per_member_limit": 1,
        "description": "Roast your own batch and take it home.",
    },
    {
        "slug": "summer-cold-brew", "name": "Cold brew kit", "points_cost": 900, "icon": "bottle", "inventory": 3,
        "description": "The last ones of the summer edition.",
    },
]  # fmt: skip

FIRST_NAMES = (
    "Ada", "Ben", "Chiara", "Dmitri", "Elif", "Farid", "Greta", "Hana", "Ivo", "Jana", "Kofi", "Lena", "Mateo", "Nadia",
    "Oskar", "Priya", "Quentin", "Rosa", "Samir", "Tove", "Uma", "Viktor", "Wanda", "Ximena", "Yusuf", "Zoe",
)  # fmt: skip
LAST_NAMES = (
    "Andersson", "Bianchi", "Castro", "Dubois", "Eriksen", "Fischer", "García", "Haddad", "Ito", "Jensen", "Kowalski",
    "Lindqvist", "Moreau", "Nakamura", "O’Brien", "Petrov", "Quist", "Rossi", "Schmidt", "Tanaka",
)  # fmt: skip
