#!/bin/sh
# One command: sh run.sh    (again, after a stop: it goes on from its last checkpoint)
set -eu
cd "$(dirname "$0")"
[ -d venv ] || python3 -m venv venv
venv/bin/python -m pip install --quiet -r requirements.txt
export PYTHONPATH="$PWD/source" HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 TOKENIZERS_PARALLELISM=false
gpus=$(venv/bin/python -c "import torch; print(torch.cuda.device_count())")
if [ "$gpus" -gt 1 ]; then
    exec venv/bin/accelerate launch --config_file fsdp.yaml --num_processes "$gpus" \
        -m host_training.training.remote_job .
fi
exec venv/bin/python -m host_training.training.remote_job .
