"""Serves moto's S3 on a free port of this machine, one request at a time, and prints the port.

moto looks whether an object is there and then writes it, in two steps: of two writers in parallel, both are told now
and then that they created it. Amazon S3 decides that in one step, and so does moto when nobody can come in between.
"""

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=False)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
