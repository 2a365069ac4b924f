"""What all kept runs say together: how long recoveries take, and which incident to show."""
