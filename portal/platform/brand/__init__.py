"""How the programme looks: colours, icons and its stylesheet."""
