# What the cloud says about the project, as one JSON document.
# Arguments: name of the cloud in clouds.yaml, timeout of a request in seconds.
import json
import sys
import urllib.request

METADATA = "http://169.254.169.254/openstack/latest/meta_data.json"


def this_server(timeout):
    """UUID of the server that this is, by the metadata service; a proxy would answer for another one."""
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(METADATA, timeout=timeout) as answer:
            return json.load(answer).get("uuid")
    except (OSError, ValueError, AttributeError):
        return None


def pairs(port):
    addresses = [pair.get("ip_address") for pair in port.allowed_address_pairs or []]
    fixed = [fixed.get("ip_address") for fixed in port.fixed_ips or []]
    return {
        "id": port.id,
        "server": port.device_id or None,
        "fixed": fixed,
        "allowed": addresses,
        "secured": port.is_port_security_enabled is not False,
    }


def facts(name, timeout):
    import openstack

    cloud = openstack.connect(cloud=name, api_timeout=timeout)
    project = cloud.current_project_id
    groups = [
        {"name": group.name, "policies": group.policies or [group.policy], "members": group.member_ids or []}
        for group in cloud.compute.server_groups()
    ]
    return {
        "servers": [
            {"id": server.id, "name": server.name, "status": server.status, "host": server.host_id or None}
            for server in cloud.compute.servers()
        ],
        "groups": groups,
        "ports": [pairs(port) for port in cloud.network.ports(project_id=project)],
        "floating": [
            {"address": ip.floating_ip_address, "port": ip.port_id, "fixed": ip.fixed_ip_address}
            for ip in cloud.network.ips(project_id=project)
        ],
        "regions": sorted({point["region"] for service in cloud.service_catalog for point in service["endpoints"]}),
    }


timeout = float(sys.argv[2])
try:
    answer = {"cloud": facts(sys.argv[1], timeout)}
except Exception as error:
    answer = {"failure": {"kind": type(error).__name__, "text": " ".join(str(error).split())}}
json.dump({"this_server": this_server(timeout), **answer}, sys.stdout)
