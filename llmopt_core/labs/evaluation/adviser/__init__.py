"""From runs to ranked next steps: what fails, why, and what would mend most of it."""
