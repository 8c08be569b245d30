"""Cinder's driver: a volume is a file. Nova's driver shows it as a block device in the node."""
import os

from cinder import interface
from cinder.volume import driver

FOLDER = '/var/lib/lab/volumes'


@interface.volumedriver
class LabVolumeDriver(driver.VolumeDriver):
    VERSION = '1'

    def do_setup(self, context):
        os.makedirs(FOLDER, exist_ok=True)

    def check_for_setup_error(self):
        pass

    def _update_volume_stats(self):
        self._stats = {
            'volume_backend_name': 'lab', 'vendor_name': 'lab', 'driver_version': self.VERSION,
            'storage_protocol': 'lab', 'total_capacity_gb': 100, 'free_capacity_gb': 100, 'pools': []}

    def create_volume(self, volume):
        with open(path_of(volume), 'wb') as file:
            file.truncate(volume['size'] << 30)

    def delete_volume(self, volume):
        os.unlink(path_of(volume))

    def ensure_export(self, context, volume):
        pass

    def create_export(self, context, volume, connector):
        pass

    def remove_export(self, context, volume):
        pass

    def initialize_connection(self, volume, connector):
        return {'driver_volume_type': 'lab', 'data': {'path': path_of(volume)}}

    def terminate_connection(self, volume, connector, **options):
        pass


def path_of(volume):
    return f"{FOLDER}/{volume['id']}"
