"""serve.py NAME: runs one service of OpenStack in this process.

Nova and Cinder are all their parts in one process, because oslo.messaging's transport in memory then
does without a message broker. The others are WSGI applications. Each has a web server with one thread,
so one request at a time reaches SQLite.
"""
import os
import sys

ETC = '/etc/lab'
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def wsgi(app, port):
    from cheroot import wsgi
    wsgi.Server(('0.0.0.0', port), app, numthreads=1, request_queue_size=100).safe_start()


def keystone():
    os.environ['OS_KEYSTONE_CONFIG_DIR'] = ETC
    from keystone.server.wsgi import initialize_public_application
    wsgi(initialize_public_application(), 5000)


def placement():
    os.environ['OS_PLACEMENT_CONFIG_DIR'] = ETC
    from placement.wsgi import init_application
    wsgi(init_application(), 8778)


def glance():
    os.environ['OS_GLANCE_CONFIG_DIR'] = ETC
    from glance.common.wsgi_app import init_app
    wsgi(init_app(), 9292)


def neutron():
    os.environ.update(OS_NEUTRON_CONFIG_DIR=ETC, OS_NEUTRON_CONFIG_FILES='neutron.conf')
    from neutron import server
    from neutron.common import config
    server._init_configuration()
    wsgi(config.load_paste_app('neutron'), 9696)


def nova():
    import nova.monkey_patch  # noqa: F401, green threads, before anything else
    import nova.conf
    from nova import config, objects, service
    from nova.api.wsgi import Loader
    from oslo_log import log
    import lab_openstack.compute
    from lab_openstack import guest
    sys.modules['nova.virt.lab'] = lab_openstack.compute    # drivers are looked up in nova.virt
    conf = nova.conf.CONF
    config.parse_args(['nova', '--config-file', ETC + '/nova.conf'])
    log.setup(conf, 'nova')
    objects.register_all()
    # Nova detaches a volume only if the server is on the host of the configuration, and here are several.
    from types import SimpleNamespace
    from unittest import mock
    from nova.virt import block_device
    block_device.CONF = SimpleNamespace(cinder=conf.cinder, host=mock.ANY)
    import os_vif
    os_vif.initialize()
    parts = [dict(binary='nova-conductor', topic='conductor'), dict(binary='nova-scheduler', topic='scheduler')]
    # One hypervisor for each node, because anti-affinity wants as many.
    parts += [dict(binary='nova-compute', topic='compute', host=f'hypervisor-{node}') for node in guest.all_names()]
    for part in parts:
        service.Service.create(**part).start()
    from threading import Thread
    Thread(target=wsgi, args=(Loader().load_app('metadata'), 80), daemon=True).start()
    wsgi(Loader().load_app('osapi_compute'), 8774)


def cinder():
    import eventlet
    eventlet.monkey_patch()
    from cinder.common import config  # noqa: F401, registers options
    from cinder import objects, rpc, service, version
    from oslo_config import cfg
    from oslo_log import log
    from oslo_service import service as oslo
    conf = cfg.CONF
    conf(['--config-file', ETC + '/cinder.conf'], project='cinder', version=version.version_string())
    log.setup(conf, 'cinder')
    objects.register_all()
    rpc.init(conf)
    launcher = oslo.ServiceLauncher(conf, restart_method='mutate')
    launcher.launch_service(service.Service.create(binary='cinder-scheduler'))
    launcher.launch_service(service.Service.create(
        binary='cinder-volume', host=conf.host + '@lab', service_name='lab', coordination=True))
    launcher.launch_service(service.WSGIService('osapi_volume'))
    launcher.wait()


globals()[sys.argv.pop(1)]()
