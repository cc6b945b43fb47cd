"""A run as files that other tools read: JUnit, CTRF, Allure, HTML, CSV, JSON. Pure: no database, clock or network."""
