# The recommended configuration of a cluster with MediationZone, for pcs. README.md explains each part.
# Made from README.md by `cargo xtask gen`.
#
# Copy this file, and replace fencing, device, address and names in the copy. Prepare the product as in README.md.
# Then run the copy once, as root, on one node of the running cluster: sh mz-pcs.sh
# Its last command loads the configuration in one step. If an earlier one fails, the cluster is unchanged.
set -eu
pcs cluster cib mz.xml
# Fencing with IPMI: one command for each node.
pcs -f mz.xml stonith create fence-n1 fence_ipmilan ip=BMC1 username=USER password=PASSWORD lanplus=1 pcmk_host_list=n1
# Or on OpenStack: one command.
# pcs -f mz.xml stonith create fence fence_openstack cloud=CLOUD pcmk_host_map="n1:UUID1;n2:UUID2" \
#     power_timeout=120 pcmk_reboot_timeout=240 pcmk_off_timeout=240
# With two nodes, also a delay.
# pcs -f mz.xml property set priority-fencing-delay=15s
# Storage, address and picos.
pcs -f mz.xml property set cluster-recheck-interval=60s
pcs -f mz.xml resource defaults update resource-stickiness=100
pcs -f mz.xml resource create mz-storage ocf:heartbeat:Filesystem device=/dev/shared/mz directory=/opt/mz fstype=xfs \
    op start timeout=60s op stop timeout=60s monitor interval=20s timeout=120s
pcs -f mz.xml resource create mz-address ocf:heartbeat:IPaddr2 ip=192.0.2.100 cidr_netmask=24 \
    op start timeout=20s op stop timeout=20s monitor interval=10s timeout=20s
pcs -f mz.xml resource create mz-platform ocf:mediationzone:platform mz_home=/opt/mz os_user=mzadmin \
    op start timeout=420s op stop timeout=360s on-fail=fence \
    monitor interval=1s timeout=60s \
    monitor interval=30s timeout=60s OCF_CHECK_LEVEL=10 \
    monitor interval=120s timeout=210s OCF_CHECK_LEVEL=20 \
    meta priority=100 migration-threshold=3 failure-timeout=3600s
pcs -f mz.xml resource create mz-ui ocf:mediationzone:ui mz_home=/opt/mz os_user=mzadmin \
    op start timeout=420s op stop timeout=360s on-fail=fence \
    monitor interval=1s timeout=60s \
    monitor interval=30s timeout=60s OCF_CHECK_LEVEL=10 \
    meta critical=false failure-timeout=600s
pcs -f mz.xml resource create mz-ec1 ocf:mediationzone:ec mz_home=/opt/ec pico_name=ec1 \
    op start timeout=420s op stop timeout=360s on-fail=fence \
    monitor interval=1s timeout=60s \
    monitor interval=30s timeout=60s OCF_CHECK_LEVEL=10 \
    meta failure-timeout=600s
pcs -f mz.xml resource create mz-sc1 ocf:mediationzone:sc mz_home=/opt/ec pico_name=sc1 \
    op start timeout=420s op stop timeout=360s on-fail=fence \
    monitor interval=1s timeout=60s \
    monitor interval=30s timeout=60s OCF_CHECK_LEVEL=10 \
    meta failure-timeout=600s
pcs -f mz.xml resource group add mz mz-storage mz-address mz-platform
pcs -f mz.xml constraint colocation add mz-ui with mz-address
pcs -f mz.xml constraint order start mz-address then start mz-ui
pcs -f mz.xml constraint order start mz-platform then start mz-ui symmetrical=false
pcs -f mz.xml constraint order start mz-platform then start mz-ec1 symmetrical=false
pcs -f mz.xml constraint order start mz-platform then start mz-sc1 symmetrical=false
pcs cluster cib-push mz.xml
