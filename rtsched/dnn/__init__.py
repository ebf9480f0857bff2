"""From networks to task graphs: operators, costs, variants and cuts, all of it before time starts."""
