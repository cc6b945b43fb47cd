"""A typed client of the REST API: used by the command line, by agents and by anybody's scripts.

What scripts import stands here; `docs/how-to/use-the-python-client.md` shows it.
"""

from melanzana.client.blocking import BlockingClient
from melanzana.client.credentials import Credentials
from melanzana.client.following import RunEvent
from melanzana.client.rest import RestClient, StartOptions

__all__ = ["BlockingClient", "Credentials", "RestClient", "RunEvent", "StartOptions"]
