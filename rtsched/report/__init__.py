"""The report an engineer signs: verdict, assumptions, bounds, figures, what is open, what to do, how to repeat it."""
