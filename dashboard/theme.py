"""Colours and Streamlit's own settings: told apart by colour-blind people, on a light ground and on a dark one.

The colours are Okabe and Ito's (https://jfly.uni-koeln.de/color/), of which those come first that stand out from both.
"""

from pathlib import Path

BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7"
GREY = "#8A8F98"

# Of series in a chart. The seventh is for what is left over.
SERIES = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, GREY)

APP = Path(__file__).with_name("app.py")

# Nothing is asked of another machine, nothing is counted, and nobody is offered to change the program.
OPTIONS: dict[str, object] = {
    "global.developmentMode": False,
    "browser.gatherUsageStats": False,
    "server.headless": True,
    "server.fileWatcherType": "none",
    "server.runOnSave": False,
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "runner.magicEnabled": False,
    "logger.hideWelcomeMessage": True,
    "theme.baseRadius": "0.5rem",
    "theme.chartCategoricalColors": list(SERIES),
    "theme.metricValueFontSize": "1.5rem",
    "theme.metricValueFontWeight": 600,
    "theme.headingFontSizes": ["1.9rem", "1.4rem", "1.15rem", "1rem", "0.95rem", "0.9rem"],
    "theme.paddingTop": "2.5rem",
    "theme.light.primaryColor": BLUE,
    "theme.light.greenColor": GREEN,
    "theme.light.redColor": VERMILLION,
    "theme.dark.primaryColor": SKY,
    "theme.dark.greenColor": GREEN,
    "theme.dark.redColor": VERMILLION,
}
