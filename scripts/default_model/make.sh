#!/bin/sh
# Makes the default model from its data, stage by stage, and a judge to evaluate it with:
#
#   scripts/default_model/make.sh DATA TAESD WORK
#
# DATA: folder with train-*.tar.gz and val-000.tar.gz (docs/recipe.md says which pictures these
# are); TAESD: an AutoencoderTiny's folder in the diffusers layout; WORK: an empty folder, or one
# of a run that stopped: what is finished there is not made again, what was begun goes on.
# EDGEFUSION names the program (a build with training).
set -eu

if [ $# -ne 3 ]; then
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
data=$(cd "$1" && pwd) taesd=$(cd "$2" && pwd)
program=${EDGEFUSION:-$root/build/train/apps/cli/edgefusion}
mkdir -p "$3"
cd "$3"

ln -sfn "$data" data
ln -sfn "$taesd" taesd
ln -sfn "$root/models/emoji-v0" minilm
cp "$here"/*.json .

newest() { ls -d "$1"/checkpoint-* | tail -n 1; }

# Trains a stage unless it is done, and links its last checkpoint as STAGE.done.
stage() { # task name
  [ -e "$2.done" ] && return
  echo "== $1 $2"
  resume=
  if ls -d "$2"/checkpoint-* >/dev/null 2>&1; then resume=--resume; fi
  "$program" train "$1" "$2.json" $resume
  ln -sfn "$(newest "$2")" "$2.done"
}

stage autoencoder autoencoder
stage text text

# The parts that stay as they are while the U-Nets learn, in a pipeline of 128x128.
if [ ! -d base ]; then
  rm -rf base.partial
  cp -r "$here/pipeline" base.partial
  mkdir base.partial/vae
  cp autoencoder.done/config.json autoencoder.done/*.safetensors base.partial/vae
  cp -r text.done/text_encoder text.done/tokenizer base.partial
  cp -r minilm/unet base.partial  # a pipeline has one; the teacher begins from scratch
  mv base.partial base
fi
[ -d scenes ] || "$program" data synthesize scenes.json

stage finetune teacher_styles
stage finetune teacher_things
stage finetune teacher
stage distill student
stage lcm few

# Once more, with a teacher that begins with what the student has learned.
if [ ! -d regrown ]; then
  rm -rf regrown.partial
  cp -r base regrown.partial
  rm -r regrown.partial/unet
  "$here/regrow_teacher.py" few.done/unet regrown.partial/unet
  mv regrown.partial regrown
fi
stage finetune teacher_2
stage distill student_2
stage lcm few_2

# The same latents, of pictures of 256x256.
[ -d autoencoder_16.start ] || "$here/deepen_autoencoder.py" autoencoder.done autoencoder_16.start
stage autoencoder autoencoder_16

# STAGE's U-Net with that autoencoder, as TARGET.
assemble() { # stage target
  [ -d "$2" ] && return
  rm -rf "$2.partial"
  cp -rL "$1.done" "$2.partial"
  rm -r "$2.partial/training" "$2.partial/vae"
  mkdir "$2.partial/vae"
  cp autoencoder_16.done/config.json autoencoder_16.done/*.safetensors "$2.partial/vae"
  sed -i 's/128/256/g' "$2.partial/edgefusion.json"
  mv "$2.partial" "$2"
}
assemble few_2 emoji-256        # the model that ships
assemble teacher_2 teacher-256  # what it is compared with

stage image_text judge
