"""init.py NAME: makes the database (SQLite) and the keys of one service of OpenStack."""
import glob
import importlib
import os
import sqlite3
import sys

ETC = '/etc/lab'
DB = '/var/lib/lab/db'
name = sys.argv.pop(1)


def manage(module, *words):
    """Does what the service's own NAME-manage command does."""
    sys.argv = [name + '-manage', *words]
    result = importlib.import_module(module).main()
    if result:
        sys.exit(f'{words}: {result}')


def keystone():
    step = os.environ.get('STEP')
    if not step:    # its command line can be parsed once in a process
        for step in 'db_sync', 'fernet_setup', 'credential_setup', 'bootstrap':
            if os.spawnve(os.P_WAIT, sys.executable, [sys.executable, __file__, name], {**os.environ, 'STEP': step}):
                sys.exit(step)
        return
    url = 'http://10.99.0.2:5000/v3'
    options = {
        'db_sync': [],
        'bootstrap': [
            '--bootstrap-password', 'admin', '--bootstrap-region-id', 'RegionOne',
            '--bootstrap-public-url', url, '--bootstrap-internal-url', url, '--bootstrap-admin-url', url],
    }.get(step, ['--keystone-user', 'root', '--keystone-group', 'root'])
    sys.argv = ['keystone-manage', '--config-file', ETC + '/keystone.conf', step, *options]
    from keystone.cmd import cli
    cli.main(sys.argv)


def placement():
    from oslo_config import cfg
    from placement import conf, db_api
    from placement.db.sqlalchemy import migration
    config = cfg.ConfigOpts()
    conf.register_opts(config)
    config(['--config-file', ETC + '/placement.conf'], project='placement')
    db_api.configure(config)
    migration.upgrade('head')


def glance():
    manage('glance.cmd.manage', '--config-file', ETC + '/glance-api.conf', 'db_sync')


def neutron():
    # Its migrations are not made for SQLite. Its tests make the tables from the models, too.
    from neutron.db.migration.models import head  # noqa: F401, all models
    from neutron_lib.db import model_base
    import sqlalchemy
    model_base.BASEV2.metadata.create_all(sqlalchemy.create_engine(f'sqlite:///{DB}/neutron.db'))


def nova():
    import nova.monkey_patch  # noqa: F401
    import nova.conf  # noqa: F401
    from nova import config, objects
    from nova.cmd import manage as commands
    config.parse_args(['nova-manage', '--config-file', ETC + '/nova.conf'])
    objects.register_all()
    commands.ApiDbCommands().sync()
    cells = commands.CellV2Commands()
    cells.map_cell0(f'sqlite:///{DB}/nova_cell0.db')
    cells.create_cell('cell1')
    commands.DbCommands().sync()


def cinder():
    manage('cinder.cmd.manage', '--config-file', ETC + '/cinder.conf', 'db', 'sync')


globals()[name]()

# A service writes in one session while another one still reads, even with a single thread. Without
# this setting of the file the writer fails ("database is locked").
for file in glob.glob(f'{DB}/{name}*.db'):
    sqlite3.connect(file).execute('PRAGMA journal_mode=WAL')
