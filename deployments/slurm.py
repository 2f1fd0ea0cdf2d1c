"""Workers on Slurm that share nothing: prints the address for `rolecall label … --dask`, and ends them when it ends.

    python deployments/slurm.py

Run it where one process may run for long, a login node or a job. Jobs come and go with the work: at most 64 of them.
"""

import signal

from dask_jobqueue import SLURMCluster


def slurm_cluster() -> SLURMCluster:
    """Jobs of 16 single-threaded workers each; what is theirs alone lies on the node's own disk."""
    return SLURMCluster(
        cores=16,
        processes=16,
        memory="40GB",
        walltime="08:00:00",
        queue="cpu",
        local_directory="$TMPDIR",
        # A worker leaves before its job is ended, so that what it has in hand is finished.
        worker_extra_args=["--lifetime", "7h40m", "--lifetime-stagger", "10m"],
        job_script_prologue=["export OMP_NUM_THREADS=1"],
    )


if __name__ == "__main__":
    cluster = slurm_cluster()
    cluster.adapt(minimum_jobs=0, maximum_jobs=64)
    print(cluster.scheduler_address, flush=True)
    signal.pause()
