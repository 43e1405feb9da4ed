# An image with seqcast and what requirements.txt pins, for docker and, from it, for apptainer.
# The project's tests read this file but have never built it: there is no docker where they run.
#
#   docker build -t seqcast .                  (--gpus all: only with NVIDIA's container toolkit)
#   docker run --rm --gpus all --user "$(id -u):$(id -g)" -v "$PWD:/run" seqcast --cores 8
#
#   apptainer build seqcast.sif docker-daemon:seqcast:latest
#   apptainer run --nv seqcast.sif --cores 8
FROM python:3.12-slim
# For a user whom the image does not know: a place for caches, and a name.
ENV HOME=/tmp USER=seqcast
WORKDIR /opt/seqcast
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
# Results lie where one starts it, as does all that a config names.
WORKDIR /run
ENTRYPOINT ["snakemake", "--snakefile", "/opt/seqcast/Snakefile"]
