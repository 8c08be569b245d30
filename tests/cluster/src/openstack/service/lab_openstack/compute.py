"""Nova's driver for the nodes of the lab. In all else it is Nova's own fake driver.

A server is the node with its host name, which stays when the server is renamed. Other servers have no
guest at all.
"""
import functools

import eventlet
import nova.exception
from nova.compute import power_state
from nova.virt import event, fake, hardware

from lab_openstack import guest


class LabDriver(fake.FakeDriver):
    vcpus, memory_mb, local_gb = 8, 32768, 200

    def plug_vifs(self, instance, network_info):
        # Called for each server at the start of Nova, which has forgotten them.
        if instance.uuid not in self.instances:
            self.instances[instance.uuid] = fake.FakeInstance(instance.name, power_state.RUNNING, instance.uuid)
            self._report_end(instance)

    def spawn(self, context, instance, *arguments, **options):
        super().spawn(context, instance, *arguments, **options)
        self._switch(instance, 'on')

    def power_on(self, context, instance, network_info, block_device_info=None, *arguments, **options):
        self._switch(instance, 'on')
        self._show_volumes(instance, block_device_info)
        super().power_on(context, instance, network_info, block_device_info, *arguments, **options)

    def power_off(self, instance, timeout=0, retry_interval=0):
        # As with libvirt: the plug is pulled when the button had no effect in time.
        if timeout and guest_of(instance):
            guest_of(instance).press_button(timeout)
        self._switch(instance, 'off')
        super().power_off(instance, timeout, retry_interval)

    def reboot(self, context, instance, network_info, reboot_type, block_device_info=None, *arguments, **options):
        if reboot_type == 'SOFT' and guest_of(instance):
            guest_of(instance).press_button(60)
        self._switch(instance, 'off')
        self.power_on(context, instance, network_info, block_device_info)

    def destroy(self, context, instance, *arguments, **options):
        self._switch(instance, 'off')
        super().destroy(context, instance, *arguments, **options)

    def attach_volume(self, context, connection_info, instance, mountpoint, *arguments, **options):
        super().attach_volume(context, connection_info, instance, mountpoint, *arguments, **options)
        if guest_of(instance):
            guest_of(instance).attach(connection_info['serial'], connection_info['data']['path'], mountpoint)

    def detach_volume(self, context, connection_info, instance, mountpoint, *arguments, **options):
        if guest_of(instance):
            guest_of(instance).detach(connection_info['serial'], mountpoint)
        super().detach_volume(context, connection_info, instance, mountpoint, *arguments, **options)

    def pause(self, instance):
        if guest_of(instance):
            guest_of(instance).pause()

    def unpause(self, instance):
        if guest_of(instance):
            guest_of(instance).unpause()

    def suspend(self, context, instance):
        self.pause(instance)

    def resume(self, context, instance, network_info, block_device_info=None):
        self.unpause(instance)

    def get_info(self, instance, use_cache=True):
        info = super().get_info(instance, use_cache)
        node = guest_of(instance)
        if not node:
            return info
        if not node.is_on():
            return hardware.InstanceInfo(state=power_state.SHUTDOWN)
        return hardware.InstanceInfo(state=power_state.PAUSED if node.is_paused() else power_state.RUNNING)

    def _show_volumes(self, instance, block_device_info):
        """A booted node has an empty /dev."""
        node = guest_of(instance)
        for disk in (block_device_info or {}).get('block_device_mapping', []) if node else []:
            info = disk['connection_info']
            node.detach(info['serial'], disk['mount_device'])
            node.attach(info['serial'], info['data']['path'], disk['mount_device'])

    def _switch(self, instance, action):
        node = guest_of(instance)
        if not node:
            return
        if not node.switch(action):
            raise nova.exception.NovaException(f'{action} of {node.name} failed')
        if action == 'on':
            self._report_end(instance)

    def _report_end(self, instance):
        """Tells Nova when the guest ends, for any reason."""
        node = guest_of(instance)
        if node:
            ended = event.LifecycleEvent(instance.uuid, event.EVENT_LIFECYCLE_STOPPED)
            eventlet.spawn_n(node.after_end, functools.partial(self.emit_event, ended))


def guest_of(instance):
    return guest.Guest(instance.hostname) if instance.hostname in guest.all_names() else None
