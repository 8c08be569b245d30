"""Neutron without agents: each port is bound at once, each floating IP with a port is active."""
from neutron_lib import constants
from neutron_lib.callbacks import events, registry, resources
from neutron_lib.plugins import constants as plugins, directory
from neutron_lib.plugins.ml2 import api


class LabMechanism(api.MechanismDriver):
    def initialize(self):
        for event in (events.AFTER_CREATE, events.AFTER_UPDATE):
            registry.subscribe(self.floating_ip, resources.FLOATING_IP, event)

    def bind_port(self, context):
        for segment in context.segments_to_bind:
            context.set_binding(segment[api.ID], 'ovs', {'port_filter': True},
                                status=constants.PORT_STATUS_ACTIVE)
            return

    @staticmethod
    def floating_ip(resource, event, trigger, payload=None):
        # An L3 agent reports this when it has set up the address translation.
        ip = payload.latest_state if payload.states else {}
        status = 'ACTIVE' if ip.get('port_id') else 'DOWN'
        directory.get_plugin(plugins.L3).update_floatingip_status(
            payload.context.elevated(), payload.resource_id, status)
